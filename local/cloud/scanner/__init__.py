"""The vulnerability scanner behind ECR: it reads what is in an image and compares it with a list."""
