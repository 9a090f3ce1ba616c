//! Pages made from folders.
