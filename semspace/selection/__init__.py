"""Which encoder suits these texts: encoders ranked by tasks that are made of the texts themselves, or of labels."""
