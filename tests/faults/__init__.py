"""Every command against every fault: `table.ROWS`, and what runs them."""
