"""The explorer: a page on which people see what was learnt, and the HTTP interface behind it."""
