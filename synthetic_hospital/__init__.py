"""One whole invented hospital: extracts, images, AI results and an old research database, with the truth beside them."""
