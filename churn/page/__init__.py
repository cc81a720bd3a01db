"""Look of the HTML pages: one style sheet and one layout, without script, font or picture from elsewhere."""
