"""One file per question: its row, its SQL, its function(reader, ...) -> list of rows."""
