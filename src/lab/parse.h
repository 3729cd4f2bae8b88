/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the reader share: parse_text.c cuts the text into lines and words, parse_head.c reads the head, parse_step.c
 * one step, parse_operand.c and parse_packet.c its operands, parse_expect.c what is expected of it, and parse.c puts it all together.
 */
#ifndef IU_LAB_PARSE_H
#define IU_LAB_PARSE_H

#include "lab/exp.h"

#define IU_PARSE_WORDS 64
#define IU_PARSE_LINES 4000
#define IU_PARSE_COLUMNS 12

enum iu_name_state { IU_NAME_FREE, IU_NAME_OPEN, IU_NAME_CLOSED };

struct iu_parser {
	const char *name;          /* of the file */
	struct inuse_error *error;
	enum inuse_status status;  /* what is wrong, once something is */
	struct iu_exp *exp;
	unsigned line;             /* that is being read */
	char *words[IU_PARSE_WORDS];
	size_t n_words, at;        /* the next word */
	/* of the case that is being read */
	enum iu_name_state sockets[IU_EXP_MAX_SOCKETS], processes[IU_EXP_MAX_PROCESSES];
	char devices[8][16];
	size_t n_devices, n_steps_before;
	int64_t waited_ns;
	bool peers[IU_EXP_MAX_PEERS];
	/* of the whole file */
	unsigned used;             /* enum iu_need */
	unsigned used_line[IU_N_NEEDS];
	size_t n_steps;            /* of all cases so far */
};

/* The lines of a file, without comments and empty ones, and its table of cases. */
struct iu_exp_file {
	struct iu_exp_line {
		unsigned number;
		bool indented;
		char *text; /* without blanks at either end */
	} lines[IU_PARSE_LINES];
	size_t n;
	size_t rows, n_rows; /* of the table: which lines */
	unsigned cases_line;
	char *columns[IU_PARSE_COLUMNS];
	bool column_used[IU_PARSE_COLUMNS];
	size_t n_columns;
	unsigned needs_line;
	size_t steps;        /* the first line of the steps */
};

/* "FILE:LINE: sentence" into the error; false. Says only the first thing that is wrong. */
bool iu_parse_wrong(struct iu_parser *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same for one word: "WORD" is ...; the word is escaped. */
bool iu_parse_wrong_word(struct iu_parser *p, const char *word, const char *is);
/* The same, with the known word that it looks like: at(i) for i from 0 on until NULL. */
bool iu_parse_unknown(struct iu_parser *p, const char *word, const char *is, const char *(*at)(size_t i));
/* Each thing is written in one way: the word is that text, or the error tells it. */
bool iu_parse_written(struct iu_parser *p, const char *word, const char *only);
/* Zeroed memory of the experiment; NULL, and the error said, when there is none. */
void *iu_parse_alloc(struct iu_parser *p, size_t size);
char *iu_parse_string(struct iu_parser *p, const char *text, size_t len);
/* A name: a letter, then letters, digits and hyphens, at most 15 characters, lower case. */
bool iu_parse_is_name(const char *word);
/* The index of word in a list, n when it is not there. */
size_t iu_parse_index(const char *const *names, size_t n, const char *word);

/* Notes that the line being read needs this of the machine (enum iu_need). */
void iu_parse_need(struct iu_parser *p, unsigned need);
/* Takes the next word as the operand `name`, len characters long; a name of no operand stands for itself. */
bool iu_parse_operand(struct iu_parser *p, struct iu_step *s, const char *name, size_t len);
/* The operands of peers and packets. */
bool iu_parse_peer_name(struct iu_parser *p, struct iu_step *s, const char *word);
bool iu_parse_peer(struct iu_parser *p, struct iu_step *s, const char *word);
bool iu_parse_peer_from(struct iu_parser *p, struct iu_step *s, const char *word);
bool iu_parse_peer_to(struct iu_parser *p, struct iu_step *s, const char *word);
bool iu_parse_packet(struct iu_parser *p, struct iu_step *s, const char *word);
bool iu_parse_packet_number(struct iu_parser *p, struct iu_step *s, const char *word);
/* "here:5000": the place and its port. */
bool iu_parse_place(struct iu_parser *p, const char *word, struct iu_where *at);
/* A place, or in a file without `runs` an address; with a port. */
bool iu_parse_address(struct iu_parser *p, const char *word, struct iu_where *at);

/* "6.8" into major << 16 | minor. */
bool iu_parse_kernel(const char *text, uint32_t *ret);

/* Cuts the text into lines; comments and empty ones are left out. */
bool iu_parse_lines(struct iu_parser *p, struct iu_exp_file *f, const char *text, size_t len);
/* How many indented lines follow line i. */
size_t iu_parse_continued(const struct iu_exp_file *f, size_t i);
/* Cuts text, which is written to, into the words of the parser. */
bool iu_parse_words(struct iu_parser *p, char *text);

/* Reads the head; f->steps is the line behind it. */
bool iu_parse_head(struct iu_parser *p, struct iu_exp_file *f);
bool iu_parse_is_head(const char *text);
/* Cuts a row of the table at its bars, in place. The number of cells, 0 and the error said when there are too many. */
size_t iu_parse_cells(struct iu_parser *p, char *text, char *cells[IU_PARSE_COLUMNS]);

/* The words of p are a step, or the line of an expectation of `step`. */
bool iu_parse_step(struct iu_parser *p, struct iu_step *step);
bool iu_parse_expect(struct iu_parser *p, const struct iu_step *step, struct iu_expect *expect);
#endif
