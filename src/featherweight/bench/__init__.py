"""Tables, plots and reports about compressed networks; networks on other runtimes."""
