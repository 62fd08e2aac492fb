"""The network of section II.A, written once; README.md beside this file explains it."""
