"""Long checks of reliability and safety; ``python -m tests.campaigns`` runs them all and prints their figures.

Every module here has ``main(quick)``, which returns figures by name; with ``quick`` it is the short form, which the
tests run.
"""
