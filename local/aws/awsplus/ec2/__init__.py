"""EC2 and EBS."""
