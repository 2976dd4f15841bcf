"""What people ask of tasks: words become a record, and a record is changed.

Not ``schedule``: a package of that name would stand in the place of the function ``defer.schedule``."""
