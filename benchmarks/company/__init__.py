"""A company's customers and billing on PostgreSQL: our night against SQL written by hand. `./run bench company`.

data         the rows, from a seed
rules        what goes when, written twice: as an inventory document and as SQL by hand
source       the server, the template and its copies, what is left of one
floors       F and H, the SQL by hand
ours         our night on one copy, in a process of its own
tracked      deletion as Django does it, and as it is tracked by others, in processes of their own
stages       where our night spends its time
measured     the rounds; the table
"""
