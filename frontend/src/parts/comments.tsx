/** Remarks at a second of a recording: read, written, written anew, taken away. What is written is text, never markup. */
import { useEffect, useRef, useState } from "preact/hooks";
import { api } from "../api";
import { dateAndTime, duration, t } from "../i18n";
import { useKeys } from "../keys";
import type { CommentBody } from "../wire";
import { useKeptFocus } from "./keptfocus";
import { refusalText } from "./problem";
import { Text } from "./text";

const PLAY = (): HTMLElement | null => document.querySelector(".player .play");

interface CommentsProps {
  callId: string;
  position: () => number;
  onSeek: (seconds: number) => void;
  onRead: (comments: readonly CommentBody[]) => void;
}

export function Comments({ callId, position, onSeek, onRead }: CommentsProps) {
  const [comments, setComments] = useState<readonly CommentBody[]>([]);
  const [problem, setProblem] = useState("");
  const [second, setSecond] = useState<number | null>(null); // of the remark that is being written
  const show = (list: readonly CommentBody[]) => {
    const ordered = [...list].sort((a, b) => a.at_s - b.at_s);
    setComments(ordered);
    onRead(ordered);
  };
  useEffect(() => {
    let here = true;
    api.comments(callId).then(
      (list) => here && show(list.comments),
      () => undefined, // the sound is there without them
    );
    return () => {
      here = false;
    };
  }, [callId]);
  const failed = (error: unknown) => setProblem(refusalText(error));
  const done = (list: readonly CommentBody[]) => {
    setProblem("");
    show(list);
  };
  const box = useRef<HTMLDivElement>(null);
  const before = useRef<Element | null>(null); // what had the focus when a remark was begun
  // Written or left: back to where one was, mostly the button that plays on.
  useKeptFocus(box, (here) => {
    const was = before.current instanceof HTMLElement && before.current !== document.body ? before.current : PLAY();
    return was?.isConnected ? was : here.querySelector<HTMLElement>(".comments-head button");
  });
  const begin = () => {
    before.current = document.activeElement;
    setSecond(Math.round(position() * 10) / 10);
  };
  useKeys([{ key: "c", does: "keys.comment", run: begin }]);
  return (
    <div class="comments" ref={box}>
      <div class="comments-head">
        <h3>{t("comment.title", { count: comments.length })}</h3>
        {second === null && (
          <button type="button" class="quiet" onClick={begin}>
            {t("comment.add")}
          </button>
        )}
      </div>
      {second !== null && (
        <Write
          label={t("comment.at", { time: duration(second) })}
          given=""
          onDone={() => setSecond(null)}
          onWrite={(text) =>
            api.addComment(callId, { at_s: second, text }).then((made) => {
              setSecond(null);
              done([...comments, made]);
            }, failed)
          }
        />
      )}
      <ul>
        {comments.map((one) => (
          <Comment
            key={one.comment_id}
            comment={one}
            onSeek={onSeek}
            onEdit={(text) =>
              api
                .editComment(callId, one.comment_id, { text })
                .then((made) => done(comments.map((other) => (other === one ? made : other))), failed)
            }
            onDelete={() =>
              void api
                .deleteComment(callId, one.comment_id)
                .then(() => done(comments.filter((other) => other !== one)), failed)
            }
          />
        ))}
      </ul>
      <p role="alert" class="problem">
        {problem}
      </p>
    </div>
  );
}

function Comment(props: {
  comment: CommentBody;
  onSeek: (seconds: number) => void;
  onEdit: (text: string) => Promise<void>;
  onDelete: () => void;
}) {
  const { comment, onSeek, onEdit, onDelete } = props;
  const [editing, setEditing] = useState(false);
  if (editing) {
    return (
      <li>
        <Write
          label={t("comment.at", { time: duration(comment.at_s) })}
          given={comment.text}
          onDone={() => setEditing(false)}
          onWrite={(text) => onEdit(text).then(() => setEditing(false))}
        />
      </li>
    );
  }
  return (
    <li>
      <button type="button" class="quiet num" onClick={() => onSeek(comment.at_s)}>
        {duration(comment.at_s)}
      </button>
      <span>
        <bdi class="comment-text">
          <Text text={comment.text} limit={400} />
        </bdi>{" "}
        <small>
          <bdi>{comment.author}</bdi> · {dateAndTime(comment.created_at)}
          {comment.edited_at && ` · ${t("comment.edited")}`}
        </small>
      </span>
      {comment.mine && (
        <span class="comment-buttons">
          <button type="button" class="quiet small" onClick={() => setEditing(true)}>
            {t("comment.edit")}
          </button>
          <button type="button" class="quiet small" onClick={onDelete}>
            {t("comment.delete")}
          </button>
        </span>
      )}
    </li>
  );
}

/** Enter writes it; Escape leaves it. */
function Write(props: { label: string; given: string; onWrite: (text: string) => Promise<void>; onDone: () => void }) {
  const { label, given, onWrite, onDone } = props;
  const [text, setText] = useState(given);
  const field = useRef<HTMLTextAreaElement>(null);
  const busy = useRef(false); // a second Enter before the answer is no second remark
  useEffect(() => field.current?.focus(), []);
  const write = () => {
    if (busy.current || !text.trim()) return;
    busy.current = true;
    void onWrite(text.trim()).finally(() => {
      busy.current = false;
    });
  };
  return (
    <form
      class="comment-write"
      onSubmit={(event) => {
        event.preventDefault();
        write();
      }}
    >
      <label>
        {label}
        <textarea
          ref={field}
          rows={2}
          maxLength={2000}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.isComposing) return; // Enter ends the choice of kanji
            if (event.key === "Enter" && !event.shiftKey) {
              event.preventDefault();
              write();
            } else if (event.key === "Escape") {
              event.preventDefault();
              event.stopPropagation();
              onDone();
            }
          }}
        />
      </label>
      <button class="small primary">{t("comment.write")}</button>
      <button type="button" class="small quiet" onClick={onDone}>
        {t("comment.cancel")}
      </button>
    </form>
  );
}
