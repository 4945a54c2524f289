"""The pages people see: one HTML page, its styles, scripts and texts, all served from this folder."""
