"""The lesson: a chapter that runs, reacts and checks itself. Only ``firth lesson`` opens this room."""
