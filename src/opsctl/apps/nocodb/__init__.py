"""NocoDB: a database as spreadsheets; its environment, its administrator, and what goes wrong with both."""
