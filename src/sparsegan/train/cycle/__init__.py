"""What only CycleGAN needs: two unpaired sets of images and a generator for each way."""
