"""What the commands that talk to servers share."""
