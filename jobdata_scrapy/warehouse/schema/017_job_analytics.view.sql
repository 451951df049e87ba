SELECT * FROM ${platform}_job_analytics
