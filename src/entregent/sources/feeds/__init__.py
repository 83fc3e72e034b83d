"""Blogs and the press as they publish: many RSS and Atom feeds, asked for again and again, politely."""
