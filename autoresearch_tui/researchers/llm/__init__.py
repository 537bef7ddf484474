"""A language model as a researcher: it proposes waves, thinks aloud, obeys and remembers."""
