"""Pictures in, skeletons out: videos and cameras, pose estimators, who is who, and videos with what was found."""
