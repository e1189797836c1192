"""Whether definitions are whole and consistent. What is wrong here keeps a daemon from starting."""
