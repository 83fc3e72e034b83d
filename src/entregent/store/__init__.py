"""What is kept on disk: posts in Parquet segments, the rest in a small relational database.

:mod:`~entregent.store.archive` appends and reads, :mod:`~entregent.store.state`
keeps the manifest, cursors and the register of studies,
:mod:`~entregent.store.erase` removes a person.
"""
