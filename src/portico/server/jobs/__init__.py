"""Door 2: durable work. A job that was ordered in the database becomes a workflow that outlives its worker."""
