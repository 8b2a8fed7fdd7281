"""Linear models of vectors, trained in seconds: logistic and ridge regression of all labels at once.

They are what a network is judged by (a *probe*: G. Alain, Y. Bengio, *Understanding intermediate layers using linear
classifier probes*, 2016), and what Posterity predicts by where nothing else was asked for. Their optimum has a closed
form or is convex, so that a result depends on the data alone. Features are standardised inside.
"""
