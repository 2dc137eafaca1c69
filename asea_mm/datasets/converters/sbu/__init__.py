"""SBU Kinect Interaction to annotations."""
