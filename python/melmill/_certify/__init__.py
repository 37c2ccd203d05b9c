"""The command `melmill certify`: a store compared with the reference."""
