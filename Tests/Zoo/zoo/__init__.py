"""The families of the model zoo: one module a family, each with a table `ENTRIES`."""
