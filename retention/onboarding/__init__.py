"""From what a company has already to an inventory: a published notice, assigned by a person; its own record, mapped.

blocks     a DOCX, PDF or text file as blocks of text in reading order
sentences  a block as sentences, the Finnish way
hints      words that often tell which kind of entry a sentence belongs to: shown, never applied
notices    a notice of the draft whose passages a person assigns, one by one
record     a record of processing in any spreadsheet, column by column as a person says
"""
