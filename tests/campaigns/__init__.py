"""Long trials of what short tests cannot show; a module each, with main(quick) that returns its figures."""
