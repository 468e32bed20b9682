"""Training: recipe, data mix, augmentation, loss, loop, export and publishing."""
