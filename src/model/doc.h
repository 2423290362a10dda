/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Documents described once. A table of rows says which attributes and elements a document has, of which
 * types, what must be there and what is assumed; fl_doc_check() walks an input tree beside the table and
 * builds the canonical tree: the table's order, values spelled the one right way, unknown things dropped.
 * Writing the canonical tree is formatting; so parse, check and format come from one description.
 */
#pragma once

#include "model/xml.h"

enum fl_row_kind {
    FL_ROW_ATTR = 1, /* attribute of this element */
    FL_ROW_TEXT,     /* the text of this element */
    FL_ROW_ELEM,     /* child, at most one kept (the first) */
    FL_ROW_LIST,     /* child, any number */
    FL_ROW_ANY,      /* child kept with everything in it, in input order */
    FL_ROW_ANY_LIST, /* the same, any number */
    FL_ROW_FOREIGN,  /* children of foreign namespaces, kept to the letter */
    FL_ROW_POST,     /* no node: calls `post` for this element here */
};

enum fl_row_type {
    FL_T_STR = 0, /* non-empty string, as it is */
    FL_T_ANY,     /* string, may be empty */
    FL_T_UINT,    /* unsigned 32 bits, decimal */
    FL_T_INT,     /* signed 32 bits */
    FL_T_ULL,     /* unsigned 64 bits */
    FL_T_LL,
    FL_T_HEX,   /* 0x-number; `arg` is the printf format it is written with */
    FL_T_YESNO, /* yes|no */
    FL_T_ONOFF, /* on|off */
    FL_T_ENUM,  /* one of `arg`, "a|b|c" */
    FL_T_UUID,  /* any spelling in, lower case with dashes out */
    FL_T_MAC,
    FL_T_KIB,    /* size with unit='' (default KiB): written in KiB with unit='KiB' */
    FL_T_BYTES,  /* size with unit='' (default bytes): written in bytes with unit='bytes' */
    FL_T_FLAG,   /* element whose presence is all */
    FL_T_CPUSET, /* 1-4,^3: written in the shortest form */
    FL_T_OCTAL,  /* written with four digits */
};

enum fl_row_flag {
    FL_REQ = 1 << 0,       /* must be there */
    FL_OPEN = 1 << 1,      /* element printed even when empty, over two lines */
    FL_SECRET = 1 << 2,    /* left out of the output unless the caller may see secrets */
    FL_KEEP = 1 << 3,      /* element kept even if it turns out empty */
    FL_LIVE = 1 << 4,      /* only for running guests */
    FL_NONZERO = 1 << 5,   /* a zero is the same as absent */
    FL_DROP_BAD = 1 << 6,  /* an invalid value is dropped, not refused */
    FL_POSITIVE = 1 << 7,  /* zero is refused */
    FL_OPEN_KEPT = 1 << 9, /* if present, printed over two lines even when empty */
    FL_LATE_UNIT = 1 << 8, /* sizes: unit='' after the other attributes (it is before them otherwise) */
};

struct fl_doc_ctx;

struct fl_row {
    enum fl_row_kind kind;
    const char *name;
    enum fl_row_type type;
    const char *arg; /* see fl_row_type */
    unsigned int flags;
    const char *def;          /* written when absent */
    const char *when;         /* "attr=a|b" of this element as already written, "attr" = has it, "!attr" */
    const struct fl_row *sub; /* rows of a child */
    int code;                 /* error code of a bad value; 0 = VIR_ERR_XML_ERROR */
    int missing;              /* error code when it is missing; 0 = VIR_ERR_XML_ERROR */
    int domain;               /* of its errors, when not the document\'s */
    /* After the rows: complete or refuse the element just built. `in` is the input. */
    int (*post)(struct fl_doc_ctx *ctx, const struct fl_xml_node *in, struct fl_xml_node *out);
};

/* Bit 0 of every model's parse flags. */
enum { FL_DOC_LIVE = 1 << 0 };

struct fl_doc {
    const char *root; /* element name */
    int domain;       /* VIR_FROM_x for its errors */
    int value_domain; /* of bad values without a code of their own; 0 = domain */
    const struct fl_row *rows;
};

struct fl_doc_ctx {
    const struct fl_doc *doc;
    const char *name; /* for messages */
    unsigned int flags;
    void *opaque; /* the model's own */
};

/* Parses and checks the root's name: the beginning of every model's parse. */
int fl_doc_read(struct fl_doc_ctx *ctx, const char *text, struct fl_xml_node **ret_in);
int fl_doc_check_root(const struct fl_doc_ctx *ctx, const struct fl_xml_node *in);
int fl_doc_check(struct fl_doc_ctx *ctx, const struct fl_xml_node *in, struct fl_xml_node **ret_out);
/* One element against one row (attach a device). */
int fl_doc_check_row(struct fl_doc_ctx *ctx, const struct fl_row *row, const struct fl_xml_node *in,
                     struct fl_xml_node **ret_out);
/* "NAME:LINE: detail" with the document's domain; returns -1. */
int fl_doc_error(const struct fl_doc_ctx *ctx, const struct fl_xml_node *at, int code, const char *fmt, ...)
    G_GNUC_PRINTF(4, 5);
/* Takes secrets out of a canonical tree. */
void fl_doc_strip(const struct fl_row *rows, struct fl_xml_node *node, unsigned int flags_to_strip);

/* Puts attributes and children of one canonical element (NULL is fine) in the order of the table; others
 * last. */
void fl_doc_order(const struct fl_row *rows, struct fl_xml_node *node);

/* Values. */
void fl_uuid_generate(unsigned char *uuid);
void fl_mac_generate(const char *prefix3, char *buf); /* "52:54:00:xx:yy:zz" */
int fl_size_parse(const char *text, const char *unit, unsigned long long scale, unsigned long long max,
                  unsigned long long *ret_bytes);       /* -1, no error set */
int fl_mac_parse(const char *text, unsigned char *mac); /* -1, no error set */
int fl_u64_parse(const char *text, unsigned int base, unsigned long long max, unsigned long long *ret);
int fl_s64_parse(const char *text, long long min, long long max, long long *ret);
char *fl_cpuset_normal(const char *text);            /* NULL if it is no set of CPUs or an empty one */
bool fl_word_in(const char *word, const char *list); /* "a|b|c" */
int fl_word_index(const char *word, const char *list);
