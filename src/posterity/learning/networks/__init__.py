"""Networks trained end to end on posters (extra ``train``): architectures, pictures, augmentation, training."""
