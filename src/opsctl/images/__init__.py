"""Pure knowledge of images: which tags float, how versions compare, where texts name images, what the lock shall hold."""
