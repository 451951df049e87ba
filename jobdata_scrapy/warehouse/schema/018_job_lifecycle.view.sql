SELECT * FROM ${platform}_job_lifecycle
