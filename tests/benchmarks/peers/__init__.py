"""One job in this product, Faust, Quix Streams, Bytewax and a plain loop, on one broker: see README.md."""
