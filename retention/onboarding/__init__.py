"""From what a company has already to an inventory: a published notice, taken apart and assigned by a person.

blocks     a DOCX, PDF or text file as blocks of text in reading order
sentences  a block as sentences, the Finnish way
hints      words that often tell which kind of entry a sentence belongs to: shown, never applied
notices    a notice of the draft whose passages a person assigns, one by one
"""
