"""What a counterparty's endpoint would be: a small program that keeps and shows what it got."""
