"""Pictures of skeletons and of what a model does with them.

Import from the modules: those that draw need matplotlib, :mod:`.probe` and :mod:`.clips` do not.
"""
