"""`melmill report`: a page that shows what a store holds."""
