"""Linear models of vectors, trained in seconds: logistic and ridge regression of all labels at once.

They are used to evaluate networks (a *probe*: G. Alain, Y. Bengio, *Understanding intermediate layers using linear
classifier probes*, 2016), and are Posterity's default for predictions. Their optimum has a closed form or is convex, so
that a result depends only on the data. Features are standardised inside.
"""
