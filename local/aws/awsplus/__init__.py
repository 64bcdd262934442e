"""What moto leaves out of EC2's and KMS's documented behaviour, as patches of its backends and responses."""
