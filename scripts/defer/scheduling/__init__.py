"""What people ask of tasks: words become a record, and a record is changed.

Not ``schedule``: a package of that name would hide the function ``defer.schedule``."""
