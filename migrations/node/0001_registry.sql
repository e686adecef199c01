create schema hansa;
