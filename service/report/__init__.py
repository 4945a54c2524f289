"""The evaluation's report: one document, written as a self-contained HTML page and as a PDF."""
