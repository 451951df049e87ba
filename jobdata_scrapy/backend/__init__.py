"""The one door between a spider and everything that outlives it."""
