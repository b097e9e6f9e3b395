"""What shows a run elsewhere while it is trained: TensorBoard, trackio."""
