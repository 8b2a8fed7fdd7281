"""Items on the cells of a grid."""
