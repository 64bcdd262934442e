"""KMS, as EBS uses it."""
